import { describeProblem } from '../model/problems.ts'
import type { Log } from './log.ts'
import { fixedName } from './owners.ts'
import type { Remarks } from './remarks.ts'

/** Logs what becomes of fixed frontends, which no cluster would hear of: each refusal once. */
export function tellFixed(before: Remarks | undefined, after: Remarks, log: Log): void {
  const old = textsOf(before ?? new Map())
  const now = textsOf(after)
  for (const [name, text] of now) if (old.get(name) !== text) log.error({ frontend: name }, `${name}: ${text}`)
  for (const name of old.keys()) if (!now.has(name)) log.info({ frontend: name }, `${name} is served`)
}

function textsOf(refused: Remarks): ReadonlyMap<string, string> {
  const texts = [...refused].flatMap(([owner, [first]]) => {
    const name = fixedName(owner)
    return name === undefined || first === undefined
      ? []
      : [[`frontend ${name}`, describeProblem(first.problem)] as const]
  })
  return new Map(texts)
}
