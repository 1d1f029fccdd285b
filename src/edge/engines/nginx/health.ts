import type { EngineState, TargetHealth } from '../engine.ts'

/** What nginx without its commercial part tells of targets is nothing; who gets no new connections is known from the state. */
export function readHealth({ frontends, groups }: EngineState): readonly TargetHealth[] {
  return frontends.flatMap(({ id, frontend }) =>
    (groups.get(frontend.group)?.targets ?? []).map(({ address, port, draining }): TargetHealth => {
      const isDraining = draining !== undefined && frontend.protocol === 'TCP'
      return { id, address, port: port ?? frontend.targetPort, state: isDraining ? 'draining' : 'unchecked' }
    }),
  )
}
