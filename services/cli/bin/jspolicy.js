#!/usr/bin/env node
// Plain JavaScript that Node 18 and newer can read: it finds the Node that the rest needs.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const NEEDED_MAJOR = 24;
const MAIN = new URL('../dist/main.js', import.meta.url);

if (!existsSync(MAIN)) fail(`${MAIN.pathname} is missing: build first, with \`npm run build\` in the checkout`);
if (Number(process.versions.node.split('.')[0]) >= NEEDED_MAJOR) await import(MAIN.href);
else runWith(ownNode());

/** The Node that `npm ci` brought. */
function ownNode() {
  const name = `node-${process.platform}-${process.arch}`;
  try {
    const node = join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'bin', 'node');
    if (existsSync(node)) return node;
  } catch {
    // Not installed: the same as a package without its binary.
  }
  return fail(
    `Node ${NEEDED_MAJOR} or newer is needed, this is ${process.version}, and the package ${name} is not installed.\n` +
      'Run `npm ci` with optional dependencies, or put a newer node first on the PATH.',
  );
}

function runWith(node) {
  // The one below decides when to end. The channel tells it when this process is killed.
  const child = spawn(node, [new URL(import.meta.url).pathname, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  endWithNpm(child);
  child.once('error', (error) => fail(`${node} cannot be run: ${error.message}`));
  child.once('exit', (code, signal) => {
    if (!signal) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/** npm's shell passes no signal on: the one below would look at this process, which is still there. */
function endWithNpm(child) {
  if (!process.env.npm_lifecycle_event) return;
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || child.kill('SIGTERM'), 1000).unref();
}

function fail(message) {
  process.stderr.write(`jspolicy: ${message}\n`);
  process.exit(78);
}
