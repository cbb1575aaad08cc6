import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findServer, PINNED, type ServerName, ServersError } from '@jspolicy/servers';
import { type Command, Option } from 'commander';
import { CommandError, EXIT } from '../exit-codes.ts';
import { type Terminal, table } from '../terminal.ts';

interface Found {
  name: ServerName;
  version: string;
  path: string;
}

const EXAMPLES = `
Examples:
  jspolicy servers
  jspolicy servers -o json

Looks at the variable that names a server (KUBEBUILDER_ASSETS for those of the API server), the PATH and our cache, then
downloads the official release, and where that cannot be reached builds it with go. kube-apiserver takes minutes to build.

Exit codes: 0 all are there, 2 one could not be had, 78 a variable is wrong.`;

export function serversCommand(program: Command, terminal: Terminal): void {
  program
    .command('servers')
    .description('find, fetch or build nats-server, etcd and kube-apiserver, and print where each is')
    .addOption(new Option('-o, --output <format>', 'what is printed').choices(['text', 'json']).default('text'))
    .addHelpText('after', EXAMPLES)
    .action(async ({ output }: { output: 'text' | 'json' }) => {
      const found: Found[] = [];
      // One after the other: two builds at once on a small machine only slow each other.
      for (const name of Object.keys(PINNED) as ServerName[]) found.push(await find(name, terminal));
      const rows = found.map(({ name, version, path }) => [name, version, path]);
      terminal.print(
        output === 'json' ? JSON.stringify(found, null, 2) : table([['NAME', 'VERSION', 'PATH'], ...rows]),
      );
    });
}

async function find(name: ServerName, terminal: Terminal): Promise<Found> {
  try {
    const path = await findServer(name, { onProgress: (line) => terminal.note(line) });
    const { stdout } = await promisify(execFile)(path, ['--version']);
    return { name, version: /\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? '', path };
  } catch (error) {
    if (!(error instanceof ServersError)) throw error;
    const exitCode = error.code === 'SERVER_MISCONFIGURED' ? EXIT.configuration : EXIT.failed;
    throw new CommandError(error.message, { exitCode, cause: error });
  }
}
