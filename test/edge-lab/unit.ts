/** What all proxy programs of the lab have in common: each is a unit of its own, which the edge neither starts nor stops. */
export interface ProxyUnit {
  readonly dir: string
  /** The value of `engine` in edge.yaml: `{haproxy: {...}}`. */
  readonly engine: Readonly<Record<string, object>>
  /** Writes our files as the edge's first start does, before the program's: they serve nothing. */
  readonly prepare: () => Promise<void>
  /** Starts it and waits until it answers. */
  readonly start: () => Promise<void>
  /** Ends all of its processes as a power cut would. */
  readonly kill: () => Promise<void>
  /** Of all its processes, those that serve connections from before a change included. */
  readonly pids: () => Promise<readonly number[]>
  /** Another one after each reload. What a program changes while it runs is none. */
  readonly generation: () => Promise<string>
  readonly log: () => Promise<string>
  /** Kills it and removes its folder. */
  readonly close: () => Promise<void>
}

/** Two programs behind one edge: `engines` takes the place of `engine` in edge.yaml. */
export interface PairUnit extends Omit<ProxyUnit, 'engine'> {
  readonly engines: Readonly<Record<'tcp' | 'udp', ProxyUnit['engine']>>
  readonly tcp: ProxyUnit
  readonly udp: ProxyUnit
}

/** Joins two units to what is worked like one. It has a folder of no more than its parts: theirs. */
export function makePair(tcp: ProxyUnit, udp: ProxyUnit): PairUnit {
  const both = async <T>(work: (unit: ProxyUnit) => Promise<T>): Promise<readonly [T, T]> =>
    Promise.all([work(tcp), work(udp)])
  return {
    dir: tcp.dir,
    engines: { tcp: tcp.engine, udp: udp.engine },
    tcp,
    udp,
    prepare: async () => void (await both((unit) => unit.prepare())),
    start: async () => void (await both((unit) => unit.start())),
    kill: async () => void (await both((unit) => unit.kill())),
    pids: async () => (await both((unit) => unit.pids())).flat(),
    generation: async () => (await both((unit) => unit.generation())).join(' '),
    log: async () => (await both((unit) => unit.log())).join('\n'),
    close: async () => void (await both((unit) => unit.close())),
  }
}
