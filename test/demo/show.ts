/** What a person sees of the demo. */
import type { Lab, Place } from '../lab/lab.ts'

const bold = process.stdout.isTTY ? (text: string) => `\u001b[1m${text}\u001b[0m` : (text: string) => text

/** Says what comes next. */
export function say(text: string): void {
  process.stdout.write(`\n${bold(text)}\n`)
}

/** Shows a command with what it answered. */
export function showCommand(command: string, output: string): void {
  process.stdout.write(`$ ${command}\n${output.trimEnd()}\n`)
}

/** Runs kubectl and shows command and answer. */
export async function showKubectl(lab: Lab, args: readonly string[], signal: AbortSignal): Promise<string> {
  const output = await lab.kubectl(args, signal)
  showCommand(`kubectl ${args.join(' ')}`, output)
  return output
}

/** Runs curl in a namespace several times and shows each different answer once, with how often it came. Throws when one failed. */
export async function showCurl(
  lab: Lab,
  place: Place,
  url: string,
  times: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const answers = new Map<string, number>()
  for (let i = 0; i < times; i++) {
    const { code, stdout, stderr } = await lab.inNamespace(place, ['curl', '-sS', '-m', '5', url], signal)
    if (code !== 0) throw new Error(`curl ${url} from ${place} failed: ${stderr}`)
    // The client's port is another one each time.
    const answer = stdout.trim().replace(/:\d+$/, '')
    answers.set(answer, (answers.get(answer) ?? 0) + 1)
  }
  const lines = [...answers]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([answer, count]) => `${answer}   (${count} of ${times})`)
  showCommand(`curl ${url}      # ${times} times, from the client outside`, lines.join('\n'))
  return [...answers.keys()]
}
