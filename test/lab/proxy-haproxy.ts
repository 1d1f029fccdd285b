/** HAProxy in the edge namespace, as the unit of its Debian package runs it with the drop-in of deploy/edge. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createMaster } from '../../src/edge/engines/haproxy/master.ts'
import type { Lab } from './lab.ts'
import { makeFolder, type ProxyProgram } from './proxy-program.ts'
import { createUnit } from './unit.ts'

export interface HaproxyFiles {
  /** Of its administrator. */
  readonly adminFile: string
  /** That the edge writes. HAProxy loads it behind the administrator's. */
  readonly configFile: string
  readonly masterSocket: string
}

export interface HaproxyProgram extends ProxyProgram {
  readonly files: HaproxyFiles
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

/** `name` is of the unit and of its folder, `sections` are what the administrator's file has beside settings. */
export function prepareHaproxy(lab: Lab, name = 'haproxy', sections = ''): HaproxyProgram {
  const dir = makeFolder(lab, name)
  const [adminFile, configFile] = [join(dir, 'haproxy.cfg'), join(dir, 'fairway.cfg')]
  const masterSocket = join(dir, 'master.sock')
  writeFileSync(adminFile, `${BASICS}\n${sections}`)
  const master = createMaster(masterSocket)
  const argv = ['haproxy', '-W', '-S', `${masterSocket},mode,660`, '-f', adminFile, '-f', configFile]
  const answers = async (signal: AbortSignal) => /^# workers\n\d/m.test(await master.ask('show proc', signal))
  return {
    engine: { haproxy: { configFile, masterSocket, adminFiles: [adminFile] } },
    unit: createUnit(lab, { name, argv, answers }),
    needs: [configFile],
    look: `less ${configFile}`,
    files: { adminFile, configFile, masterSocket },
  }
}
