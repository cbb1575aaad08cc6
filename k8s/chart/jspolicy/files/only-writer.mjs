// Runs before a server of NATS: goes on when no other server writes the store on this volume.
//
// A Pod that is deleted by force is followed by another at once, on the same volume, while its server is still being ended.
// MARK is made here and removed by the server itself, as its file of ports, after it has closed the store. So no mark: the
// one before ended in order. A mark: it was killed, or still runs; then the store must rest for REST_SECONDS first.
import { existsSync } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const { MARK, STORE_DIR } = process.env;
const REST_MS = Number(process.env.REST_SECONDS) * 1000;
const LOOK_MS = 250;
const TELL_MS = 10_000;

/** Changes with every write. Times are the file system's, compared with themselves only. */
async function state(path) {
  const names = await readdir(path, { recursive: true }).catch(() => []);
  let newest = 0n;
  let bytes = 0n;
  for (const name of names) {
    // Files come and go meanwhile.
    const found = await stat(join(path, name), { bigint: true }).catch(() => undefined);
    if (found && found.mtimeNs > newest) newest = found.mtimeNs;
    bytes += found?.size ?? 0n;
  }
  return `${names.length} ${newest} ${bytes}`;
}

async function untilAtRest() {
  const began = performance.now();
  let told = began;
  let since = began;
  let last = await state(STORE_DIR);
  console.log(`the server before did not end in order, or has not yet: waiting until ${STORE_DIR} rests for ${REST_MS / 1000} s`);
  while (existsSync(MARK) && performance.now() - since < REST_MS) {
    await delay(LOOK_MS);
    const now = await state(STORE_DIR);
    if (now === last) continue;
    last = now;
    since = performance.now();
    if (since - told < TELL_MS) continue;
    told = since;
    console.log(`${STORE_DIR} is still written to: is there another server on this volume?`);
  }
  console.log(`${existsSync(MARK) ? 'at rest' : 'ended in order'} after ${Math.round(performance.now() - began)} ms`);
}

if (existsSync(MARK)) await untilAtRest();
const mark = await open(MARK, 'w');
await mark.sync();
await mark.close();
