/**
 * Fills a SoftHSM token folder with copies of some of its objects, each under a file name of its own, as SoftHSM names
 * them: a thousand times quicker than making as many. Arguments: token folder, how many there shall be, files to copy.
 */
import { randomUUID } from 'node:crypto';
import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const [folder = '', wanted = '0', ...templates] = process.argv.slice(2);
const objects = () => readdirSync(folder).filter((name) => name.endsWith('.object') && name !== 'token.object');
for (let count = objects().length; count < Number(wanted); count += 1)
  copyFileSync(join(folder, templates[count % templates.length] ?? ''), join(folder, `${randomUUID()}.object`));
console.log(objects().length);
