import { basename, dirname, join } from 'node:path'
import { errorText, FairwayError } from '../../../model/problems.ts'
import { openFolder } from '../../files.ts'

/** One file that is replaced as a whole: whoever reads, and whatever fails, there is the old text or the new one. */
export interface DurableFile {
  readonly path: string
  /** Where `stage` writes: hidden, so that a program that reads all of the folder passes over it. */
  readonly stagedPath: string
  /** Undefined: there is none. */
  readonly read: () => Promise<string | undefined>
  readonly stage: (text: string) => Promise<void>
  /** Puts what is staged in its place. */
  readonly commit: () => Promise<void>
  readonly discard: () => Promise<void>
}

/** The program may run as another user than the edge. */
const MODE = 0o644

/** Opens a file, and makes its folder if it is not there. What fails is thrown as a FairwayError that names the file. */
export async function openDurableFile(path: string): Promise<DurableFile> {
  const [name, staged] = [basename(path), `.${basename(path)}.new`]
  const folder = await named(path, () => openFolder(dirname(path), MODE))
  return {
    path,
    stagedPath: join(dirname(path), staged),
    read: () => named(path, () => folder.read(name)),
    stage: (text) => named(path, () => folder.write(staged, text)),
    commit: () =>
      named(path, async () => {
        await folder.rename(staged, name)
        await folder.sync()
      }),
    discard: () => named(path, () => folder.remove(staged)),
  }
}

export async function writeDurably(file: DurableFile, text: string): Promise<void> {
  await file.stage(text)
  await file.commit()
}

async function named<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    const message = `${path} cannot be read or written: ${errorText(error)}`
    const remedy = 'Let this user write to its folder, and make room on the disk'
    throw new FairwayError({ code: 'ConfigInvalid', kind: 'transient', message, remedy }, error)
  }
}
