import type { Engine } from './engines/engine.ts'

/** The same engine, for callers that know nothing of each other: its calls wait for one another, as it demands. */
export function takeTurns(engine: Engine): Engine {
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work)
    last = turn.catch(() => undefined)
    return turn
  }
  return {
    name: engine.name,
    version: engine.version,
    capabilities: engine.capabilities,
    apply: (state, signal) => inTurn(() => engine.apply(state, signal)),
    listeners: (signal) => inTurn(() => engine.listeners(signal)),
    bound: (signal) => inTurn(() => engine.bound(signal)),
    health: (signal) => inTurn(() => engine.health(signal)),
    close: () => inTurn(() => engine.close()),
  }
}
