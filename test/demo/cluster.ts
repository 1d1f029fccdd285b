import type { Lab } from '../lab/lab.ts'

export async function runClusterDemo(_own: (lab: Lab) => void, _signal: AbortSignal): Promise<void> {}
