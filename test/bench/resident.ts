/** Memory of a process, as Linux tells it (proc_pid_status(5)). */
import { readFileSync } from 'node:fs'

export interface Memory {
  /** Bytes at this moment. */
  readonly resident: number
  /** The most that it was since the process began. */
  readonly peak: number
}

export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const bytes = (field: string) => 1_024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1])
  return { resident: bytes('VmRSS'), peak: bytes('VmHWM') }
}
