/** Words of a command line as a shell would make them, for what documents show: quotes, and no expansion. */
export function splitCommand(line: string): readonly string[] {
  const words = line.match(/(?:'[^']*'|"(?:\\.|[^"])*"|\\.|[^\s'"\\])+/g) ?? []
  return words.map((word) =>
    word.replaceAll(/'([^']*)'|"((?:\\.|[^"])*)"|\\(.)/g, (_, single?: string, double?: string, escaped?: string) => {
      return single ?? double?.replaceAll(/\\(["\\$`])/g, '$1') ?? escaped ?? ''
    }),
  )
}

/** The commands of a script, each in one line: without comments, `$ ` of a transcript, and here-documents. Joined by `&&` or `;` they are several. */
export function commandsOf(script: string): readonly string[] {
  const joined = script.replaceAll(/\\\n\s*/g, ' ').replaceAll(/<<'?(\w+)'?(.*)\n[\s\S]*?\n\1(?=\n)/g, '<<$1$2')
  return joined
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '')
    .flatMap(splitList)
}

/** At `&&`, `;` and `|` outside of quotes and parentheses of a substitution. A pipe is one command with what follows. */
function splitList(line: string): readonly string[] {
  const parts: string[] = []
  let [depth, quote, part] = [0, '', '']
  for (let at = 0; at < line.length; at++) {
    const one = line[at] ?? ''
    if (quote !== '') quote = one === quote ? '' : quote
    else if (one === "'" || one === '"') quote = one
    else if (one === '(') depth++
    else if (one === ')') depth--
    const isAnd = line.startsWith('&&', at)
    if (quote === '' && depth === 0 && (one === ';' || isAnd)) {
      parts.push(part.trim())
      part = ''
      if (isAnd) at++
    } else part += one
  }
  return [...parts, part.trim()].filter((text) => text !== '')
}
