import * as z from 'zod'
import { file } from './file.ts'
import { durationMs } from './schema.ts'

/** Sockets have names of 107 bytes at most (unix(7)), and ours have up to 40 of them. */
const LONGEST_FOLDER = 60

export const nginxSchema = z.strictObject({
  /** Of the administrator: nginx's -c. Its `stream` block includes `configFile`. */
  mainFile: file.default('/etc/fairway/nginx.conf'),
  configFile: file.default('/var/lib/fairway-edge/nginx/fairway.conf'),
  socketDir: file
    .max(LONGEST_FOLDER, `must be at most ${LONGEST_FOLDER} characters long`)
    .default('/var/lib/fairway-edge/nginx/run'),
  errorLog: file.default('/var/log/fairway-nginx/error.log'),
  binary: file.default('/usr/sbin/nginx'),
  minReloadInterval: durationMs.prefault('1s'),
})
