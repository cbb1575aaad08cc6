import { sinkType } from '../port.ts';

/** Events as lines of JSON on the standard output of the audit service, between the lines of its log. */
export const stdout = sinkType({
  fields: {},
  open: (_settings, { stdout: stream }) => ({
    write: (events) =>
      new Promise((resolve, reject) => {
        const lines = events.map(({ json }) => `${json}\n`).join('');
        stream.write(lines, (error) => (error ? reject(error) : resolve([])));
      }),
    close: async () => undefined,
  }),
});
