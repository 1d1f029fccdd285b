/** Envoy in the edge namespace, as the unit of deploy/edge runs it with the bootstrap there. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAdmin } from '../../src/edge/engines/envoy/admin.ts'
import type { Lab } from './lab.ts'
import { deployed, makeFolder, type ProxyProgram } from './proxy-program.ts'
import { createUnit } from './unit.ts'

const LOGS = ['-l', 'warning', '--component-log-level', 'misc:error']

/** `name` is of the unit and of its folder, `binary` what fetchEnvoy gives. */
export function prepareEnvoy(lab: Lab, name: string, binary: string): ProxyProgram {
  const dir = makeFolder(lab, name)
  const [bootstrap, configDir, socket] = [join(dir, 'envoy.yaml'), join(dir, 'fairway'), join(dir, 'admin.sock')]
  const paths = { '/var/lib/fairway-envoy': configDir, '/run/fairway-envoy/admin.sock': socket }
  writeFileSync(bootstrap, deployed('envoy.yaml', paths))
  const admin = createAdmin(socket)
  return {
    engine: { envoy: { configDir, admin: socket, binary } },
    unit: createUnit(lab, {
      name,
      argv: [binary, '-c', bootstrap, '--disable-hot-restart', '--drain-time-s', '86400', ...LOGS],
      answers: async (signal) => admin.isLive(signal),
    }),
    needs: [join(configDir, 'current')],
    look: `less ${configDir}/current/*.json`,
  }
}
