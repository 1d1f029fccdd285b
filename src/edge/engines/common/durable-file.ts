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
  const folder = await nameFailure(path, () => openFolder(dirname(path), MODE))
  return {
    path,
    stagedPath: join(dirname(path), staged),
    read: () => nameFailure(path, () => folder.read(name)),
    stage: (text) =>
      nameFailure(path, async () => {
        // Somebody may have removed the folder.
        await openFolder(dirname(path), MODE)
        try {
          await folder.write(staged, text)
        } catch (error) {
          // On a full disk, what is half written would be in the way of everybody's tables.
          await folder.remove(staged).catch(() => {})
          throw error
        }
      }),
    commit: () =>
      nameFailure(path, async () => {
        await folder.rename(staged, name)
        await folder.sync()
      }),
    discard: () => nameFailure(path, () => folder.remove(staged)),
  }
}

/** Replaces the whole of a file. */
export async function writeDurably(file: DurableFile, text: string): Promise<void> {
  await file.stage(text)
  await file.commit()
}

/** Does some work on a path. What fails is thrown as a FairwayError that names it. */
export async function nameFailure<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    const message = `${path} cannot be read or written: ${errorText(error)}`
    const remedy = 'Let this user read and write there, and make room on the disk'
    throw new FairwayError({ code: 'ConfigInvalid', kind: 'transient', message, remedy }, error)
  }
}
