/** What a process takes of the machine, as /proc says it. */
import { readdirSync, readFileSync } from 'node:fs'
import type { Sample } from './flat.ts'

export interface Processes {
  readonly operator: number
  readonly edge: number
  /** After a reload there are several for a while. */
  readonly haproxy: readonly number[]
}

export function takeSample({ operator, edge, haproxy }: Processes): Omit<Sample, 'lateMs'> {
  return {
    operatorBytes: residentOf(operator),
    operatorFiles: filesOf(operator),
    edgeBytes: residentOf(edge),
    edgeFiles: filesOf(edge),
    haproxies: haproxy.length,
    haproxyBytes: Math.max(0, ...haproxy.map(residentOf)),
  }
}

/** 0 for one that has ended meanwhile. */
function residentOf(pid: number): number {
  try {
    const [, kibibytes = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Number(kibibytes) * 1024
  } catch {
    return 0
  }
}

function filesOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}
