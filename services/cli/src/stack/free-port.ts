import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { CommandError } from '../exit-codes.ts';

/** The port itself, or a free one for 0. Throws CommandError, naming the option, for one that cannot be listened on. */
export async function listenablePort(port: number, host: string): Promise<number> {
  const server = createServer().listen(port, host);
  try {
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  } catch (error) {
    throw new CommandError(portProblem(port, error as NodeJS.ErrnoException), { cause: error });
  } finally {
    server.close();
  }
}

function portProblem(port: number, { code, message }: NodeJS.ErrnoException): string {
  const hint = 'choose another one with --port N, or a free one with --port 0';
  if (code === 'EADDRINUSE') return `port ${port} is in use by another process: ${hint}`;
  if (code === 'EACCES') return `port ${port} may not be listened on by this user: ${hint}`;
  return `port ${port} cannot be listened on (${message}): ${hint}`;
}
