import { readFile } from 'node:fs/promises'

/** The workers of a master process, by process id. */
export interface Workers {
  /** Those that take connections. */
  readonly active: readonly number[]
  /** Those from before a reload, which serve what they have. */
  readonly leaving: readonly number[]
}

/** The process that a worker was started by, as proc_pid_stat(5) has it; undefined: that is no master of nginx, or none of them runs any more. */
export async function findMaster(worker: number): Promise<number | undefined> {
  const stat = await readProc(`${worker}/stat`)
  // The name of a process, in brackets, may hold anything.
  const parent = Number(stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  return (await isMaster(parent)) ? parent : undefined
}

/** Whether a process is a master of nginx, by the name that nginx gives it. */
export async function isMaster(pid: number): Promise<boolean> {
  return (await readProc(`${pid}/cmdline`))?.startsWith('nginx: master process') === true
}

const LEAVING = 'is shutting down'

/** nginx says in their names what its processes are (proc_pid_cmdline(5), anybody may read it). */
export async function findWorkers(master: number): Promise<Workers> {
  const pids = (await readProc(`${master}/task/${master}/children`))?.split(' ').filter(Boolean).map(Number) ?? []
  const found = await Promise.all(pids.map(async (pid) => ({ pid, title: (await readProc(`${pid}/cmdline`)) ?? '' })))
  const workers = found.filter(({ title }) => title.startsWith('nginx: worker process'))
  return {
    active: workers.filter(({ title }) => !title.includes(LEAVING)).map(({ pid }) => pid),
    leaving: workers.filter(({ title }) => title.includes(LEAVING)).map(({ pid }) => pid),
  }
}

/** Undefined: the process has ended. */
async function readProc(name: string): Promise<string | undefined> {
  return readFile(`/proc/${name}`, 'utf8').catch(() => undefined)
}
