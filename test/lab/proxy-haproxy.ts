/** HAProxy in the edge namespace, as the unit of its Debian package runs it with the drop-in of deploy/edge. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createMaster } from '../../src/edge/engines/haproxy/master.ts'
import type { Lab } from './lab.ts'
import { createUnit, type Unit } from './unit.ts'

export interface HaproxyFiles {
  /** Of its administrator. */
  readonly adminFile: string
  /** That the edge writes. HAProxy loads it behind the administrator's. */
  readonly configFile: string
  readonly masterSocket: string
}

export function haproxyFiles(lab: Pick<Lab, 'dir'>): HaproxyFiles {
  return {
    adminFile: join(lab.dir, 'haproxy', 'haproxy.cfg'),
    configFile: join(lab.dir, 'edge-state', 'haproxy', 'fairway.cfg'),
    masterSocket: join(lab.dir, 'haproxy', 'master.sock'),
  }
}

/** As Debian has it, but that its log goes to the lab's. */
const BASICS = `global
  log stdout format raw local0 notice
  chroot /var/lib/haproxy
  user haproxy
  group haproxy

defaults
  log global
  mode http
  timeout connect 5s
  timeout client 50s
  timeout server 50s
`

/** Writes the administrator's file, with some sections of their own. It can start once the edge has written its file too. */
export function prepareHaproxy(lab: Lab, sections: string): Unit {
  const { adminFile, configFile, masterSocket } = haproxyFiles(lab)
  mkdirSync(join(lab.dir, 'haproxy'))
  writeFileSync(adminFile, `${BASICS}\n${sections}`)
  const master = createMaster(masterSocket)
  const argv = ['haproxy', '-W', '-S', `${masterSocket},mode,660`, '-f', adminFile, '-f', configFile]
  const answers = async (signal: AbortSignal) => /^# workers\n\d/m.test(await master.ask('show proc', signal))
  return createUnit(lab, 'edge', 'haproxy', argv, answers)
}
