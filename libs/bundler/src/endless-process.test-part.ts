import { writeFileSync } from 'node:fs';
import { workApart } from './work-apart.ts';

/** Writes its pid, and never comes back to its event loop. */
workApart((file: string) => {
  writeFileSync(file, String(process.pid));
  for (;;);
});
