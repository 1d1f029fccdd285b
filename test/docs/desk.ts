/** Where somebody sits who follows the documents: a clone, kubectl and helm for a cluster, and ssh to machines. */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Lab } from '../lab/lab.ts'
import { type Output, run, tryRun } from '../lab/process.ts'
import type { Machine } from './machine.ts'
import { ROOT } from './markdown.ts'

/** As addresses of the documents name them. */
export type Machines = Readonly<Record<string, Machine>>

export interface Desk {
  /** The folder of a clone, where everything is typed. */
  readonly clone: string
  /** Types a script, of which the first command that fails is the end; gives what it printed. */
  readonly type: (script: string, signal: AbortSignal) => Promise<string>
  /** The same, whatever becomes of it. */
  readonly attempt: (script: string, signal: AbortSignal) => Promise<Output>
}

const TYPED_WITHIN_MS = 300_000
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** The sources into an empty folder, with nothing that was made of them. */
function cloneSources(to: string): void {
  for (const name of ['package.json', 'package-lock.json', 'tsconfig.json', 'src', 'scripts', 'deploy', 'charts']) {
    cpSync(join(ROOT, name), join(to, name), { recursive: true })
  }
}

/** Makes a clean clone below `dir`, and the programs that account.ts calls stand-ins. `machines` is looked at when somebody types. */
export function makeDesk(dir: string, lab: Lab, machines: () => Machines): Desk {
  const [clone, bin] = [join(dir, 'clone'), join(dir, 'bin')]
  cloneSources(clone)
  mkdirSync(bin)
  const program = (name: string, script: string) =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  for (const name of ['kubectl', 'helm']) program(name, `exec ${join(lab.binDir, name)} "$@"`)
  program('docker', 'case $1 in build | push) ;; *) exit 1 ;; esac')
  program('fairway', `exec ${join(clone, 'node_modules/.bin/node')} ${join(clone, 'src/main.ts')} "$@"`)
  // Of one file, to a machine or from it.
  program(
    'scp',
    `case $1 in
*:*) exec ssh "\${1%%:*}" cat "\${1#*:}" > "$2" ;;
*) ssh "\${2%%:*}" "cat > \${2#*:}; chmod $(stat -Lc %a "$1") \${2#*:}" < "$1" ;;
esac`,
  )
  const argv = (script: string) => {
    const places = Object.entries(machines()).map(
      ([address, { enter }]) => `*@${address}) set -- ${enter.join(' ')} "$*" ;;`,
    )
    program(
      'ssh',
      `to=$1; shift; set -- 'export HOME=/root PATH=${PATH};' "$@"\ncase $to in ${places.join(' ')} *) exit 255 ;; esac\nexec "$@"`,
    )
    return ['bash', '-euo', 'pipefail', '-c', script]
  }
  const home = join(dir, 'helm')
  const env = {
    ...process.env,
    PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    KUBECONFIG: lab.kubeconfig,
    HELM_CACHE_HOME: home,
    HELM_CONFIG_HOME: home,
    HELM_DATA_HOME: home,
  }
  const options = { cwd: clone, env, timeoutMs: TYPED_WITHIN_MS }
  return {
    clone,
    type: async (script, signal) => run(argv(script), options, signal),
    attempt: async (script, signal) => tryRun(argv(script), options, signal),
  }
}
