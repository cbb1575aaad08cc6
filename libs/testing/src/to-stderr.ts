/** Where a test shows that it waits for a server to be built. */
export const toStderr = (line: string): void => void process.stderr.write(`${line}\n`);
