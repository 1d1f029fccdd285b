import { type Arbitration, type ArbitrationInput, arbitrate } from '../../../src/edge/arbitrate.ts'
import { checkState } from '../../support/memory-engine.ts'
import { rules } from './builders.ts'

/** Arbitrates with the rules of the builders, and checks what EngineState promises. */
export function decide(input: Partial<ArbitrationInput>): Arbitration {
  const arbitration = arbitrate({ fixed: [], tables: [], order: [], rules: rules(), ...input })
  checkState(arbitration.state)
  return arbitration
}

/** `prod-a/public tcp/203.0.113.10:443: served`, or the codes of what is said of it. */
export function verdicts(input: Partial<ArbitrationInput>): Readonly<Record<string, string>> {
  const { origins, refused, notices } = decide(input)
  const said: Record<string, string> = {}
  for (const { owner: name, key } of origins.values()) said[`${name} ${key}`] = 'served'
  for (const [name, list] of refused) for (const { key, problem } of list) said[`${name} ${key}`] = problem.code
  for (const [name, list] of notices) {
    for (const { key, problem } of list) said[`${name} ${key}`] = `${said[`${name} ${key}`]}, told ${problem.code}`
  }
  return said
}

/** Of the first frontend that an owner is refused. */
export function messageFor(input: Partial<ArbitrationInput>, name: string): string {
  return decide(input).refused.get(name)?.[0]?.problem.message ?? 'nothing'
}
