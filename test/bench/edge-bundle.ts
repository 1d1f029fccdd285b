/** What is measured is what is shipped: one file, run by Node with the flags that decide about its memory. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')

/** Bundles an entry, the program's own unless another is given, into a folder; gives the file. */
export function bundleInto(folder: string, entry = join(ROOT, 'src/main.ts')): string {
  execFileSync(process.execPath, [join(ROOT, 'scripts/build.ts'), entry, folder], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return join(folder, 'fairway.js')
}

/** Of Node on a proxy's machine. */
export function edgeFlags(): readonly string[] {
  return startOfEdge().flags.split(' ')
}

/** What an edge is started under, so that its environment decides about memory as on a proxy's machine. */
export function edgeUnder(): readonly string[] {
  return ['env', startOfEdge().setting]
}

function startOfEdge(): { readonly setting: string; readonly flags: string } {
  const script = readFileSync(join(ROOT, 'deploy/edge/fairway'), 'utf8')
  const [, setting, flags] = /(MALLOC_ARENA_MAX=\d+) exec node (.*) \S+\.js/.exec(script) ?? []
  if (setting === undefined || flags === undefined) throw new Error('deploy/edge/fairway does not say how Node is run')
  return { setting, flags }
}

/** Of Node in the operator's image. */
export function operatorFlags(): readonly string[] {
  const entry = /^ENTRYPOINT (\[.*\])$/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'))?.[1]
  if (entry === undefined) throw new Error('the Dockerfile does not say how Node is run')
  return (JSON.parse(entry) as readonly string[]).filter((word) => word.startsWith('--'))
}

/** What the operator's image sets in the environment of Node, where it decides about memory. */
export function operatorEnv(): NodeJS.ProcessEnv {
  const setting = /^\s+MALLOC_ARENA_MAX=(\d+)$/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'))?.[1]
  if (setting === undefined) throw new Error('the Dockerfile does not say how memory is taken')
  return { MALLOC_ARENA_MAX: setting }
}
