import * as z from 'zod'
import { file } from './file.ts'
import { durationMs } from './schema.ts'

export const haproxySchema = z.strictObject({
  /** Ours, loaded by HAProxy's last -f. */
  configFile: file.default('/var/lib/fairway-edge/haproxy/fairway.cfg'),
  adminFiles: z.array(file).default(['/etc/haproxy/haproxy.cfg']),
  masterSocket: file.default('/run/haproxy-master.sock'),
  binary: file.default('/usr/sbin/haproxy'),
  minReloadInterval: durationMs.prefault('1s'),
  hardStopAfter: durationMs.optional(),
})
