/** How many frontends each namespace has, while one allocation runs. */
export interface Quota {
  /** How many more a namespace may have. What it has beyond a limit that was lowered stays; it only gets nothing more. */
  roomOf(namespace: string): number
  take(namespace: string, more: number): void
  /** Infinity: no limit. */
  limitOf(namespace: string): number
}

/** `limits`: most frontends of a namespace, `*` for those not named. */
export function createQuota(limits: ReadonlyMap<string, number>): Quota {
  const taken = new Map<string, number>()
  const limitOf = (namespace: string) => limits.get(namespace) ?? limits.get('*') ?? Number.POSITIVE_INFINITY
  return {
    limitOf,
    roomOf: (namespace) => Math.max(0, limitOf(namespace) - (taken.get(namespace) ?? 0)),
    take: (namespace, more) => void taken.set(namespace, (taken.get(namespace) ?? 0) + more),
  }
}
