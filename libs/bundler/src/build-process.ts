import { createBuilder } from './builder.ts';
import type { Build } from './builds-apart.ts';
import { workApart } from './work-apart.ts';

workApart(async ({ options, request }: Build) => {
  const builder = createBuilder(options);
  // npm has a process group of its own: it does not end with this process.
  const stop = () => void builder.close().finally(() => process.exit());
  process.once('SIGTERM', stop);
  process.once('disconnect', stop);
  const reply = await builder.compile(request);
  await builder.close();
  return reply;
});
