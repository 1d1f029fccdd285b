/** nginx in the edge namespace, as the unit of deploy/edge runs it with the file there. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { askStatus } from '../../src/edge/engines/nginx/status.ts'
import type { Lab } from './lab.ts'
import { deployed, makeFolder, type ProxyProgram } from './proxy-program.ts'
import { createUnit } from './unit.ts'

/** `name` is of the unit and of its folder. */
export function prepareNginx(lab: Lab, name: string): ProxyProgram {
  const dir = makeFolder(lab, name)
  const [mainFile, errorLog] = [join(dir, 'nginx.conf'), join(dir, 'error.log')]
  const [configFile, socketDir] = [join(dir, 'fairway.conf'), join(dir, 'run')]
  const paths = { '/var/lib/fairway-edge/nginx': dir, '/var/log/fairway-nginx/error.log': errorLog }
  writeFileSync(mainFile, deployed('nginx.conf', paths))
  // The folder of a lab is for root alone, and workers need the sockets in it.
  const nginx = ['nginx', '-e', 'stderr', '-c', mainFile, '-g', 'daemon off; user root;']
  return {
    engine: { nginx: { mainFile, configFile, socketDir, errorLog } },
    unit: createUnit(lab, {
      name,
      // As the unit does: sockets of one that was killed are in the way of its next start.
      argv: ['sh', '-c', 'rm -f "$1"/*; shift; exec "$@"', 'sh', socketDir, ...nginx],
      answers: async (signal) => (await askStatus(socketDir, signal)) !== undefined,
    }),
    needs: [configFile, socketDir],
    look: `less ${configFile}`,
  }
}
