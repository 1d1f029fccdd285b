import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { errorText, FairwayError, type Problem } from '../../../model/problems.ts'
import { dumpFiles } from './program.ts'
import type { Tools } from './tools.ts'

/** What nginx says to the administrator's files with the staged one in place of ours. */
export interface Rehearsal {
  readonly ok: boolean
  /** Of files by their own names, not those of the rehearsal. */
  readonly output: string
}

/**
 * Has nginx test the staged file as a part of the administrator's configuration, while the one that runs stays where it is. The main file is copied with
 * another path in it. Since nginx takes paths as from the folder of the main file, the copy has the same neighbours.
 */
export async function rehearse({ options, binary, config }: Tools, signal: AbortSignal): Promise<Rehearsal> {
  const { mainFile, configFile, stateDir } = options
  const folder = resolve(stateDir, 'rehearsal')
  const copy = join(folder, basename(mainFile))
  try {
    await copyMain(mainFile, folder, (text) => text.replaceAll(configFile, config.stagedPath))
  } catch (error) {
    throw new FairwayError(uncopied(mainFile, errorText(error)), error)
  }
  const { ok, output } = await dumpFiles(binary, copy, signal)
  if (ok && !output.includes(`# configuration file ${config.stagedPath}:\n`)) {
    throw new FairwayError(notIncluded(mainFile, configFile))
  }
  const plain = output.replaceAll(config.stagedPath, configFile).replaceAll(`${folder}/`, `${dirname(mainFile)}/`)
  return { ok, output: plain }
}

async function copyMain(mainFile: string, folder: string, edit: (text: string) => string): Promise<void> {
  const neighbours = (await readdir(dirname(mainFile))).filter((name) => name !== basename(mainFile))
  const text = edit(await readFile(mainFile, 'utf8'))
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await Promise.all(neighbours.map((name) => symlink(resolve(dirname(mainFile), name), join(folder, name))))
  await writeFile(join(folder, basename(mainFile)), text, { mode: 0o600 })
}

function uncopied(mainFile: string, why: string): Problem {
  const message = `nginx's configuration ${mainFile} cannot be tested: ${why}`
  return {
    code: 'ConfigInvalid',
    kind: 'transient',
    message,
    remedy: 'Name the file of its -c, and let this user read it',
  }
}

function notIncluded(mainFile: string, configFile: string): Problem {
  return {
    code: 'ConfigInvalid',
    kind: 'transient',
    message: `nginx's configuration ${mainFile} does not include ${configFile}`,
    remedy: `Put \`include ${configFile};\` into the stream block of that very file, and reload nginx`,
  }
}
