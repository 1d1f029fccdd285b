// Command lines in the documents exist, with their options; scripts, stages and files that they name are there.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Command, CommanderError } from 'commander'
import { addCommands } from '../../src/cli/commands.ts'
import { addEdgeCommand } from '../../src/cli/edge-command.ts'
import { STAGES } from '../runner/stages.ts'
import { ROOT, readPages } from './markdown.ts'
import { commandsOf, splitCommand } from './shell.ts'

interface Line {
  readonly at: string
  readonly text: string
  /** In a sentence, where it need not be whole. */
  readonly inline: boolean
}

const PAGES = readPages()
const MANIFEST = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { readonly scripts: object }
/** How our program is called: by itself, by ssh, in the pod, as kubectl's plugin, from a clone. */
const CALL = new RegExp(
  String.raw`(?:(?:^|[;(] *|ssh \S+ )(?:kubectl )?fairway|node /app/fairway\.js|npm run (?:--silent )?fairway --)((?: +[^|<>&;)]+)?)`,
  'g',
)
const UNSET = /COMMAND|…|\.\.\./
/** Of `fairway confirm`, which takes nothing else. */
const A_WORD = '4f1c09ab'

const LINES: readonly Line[] = PAGES.flatMap((page) => [
  ...page.blocks.flatMap(({ at, language, text }) =>
    scriptOf(language, text).map((one) => ({ at, text: one, inline: false })),
  ),
  ...page.code.map(({ at, text }) => ({ at, text, inline: true })),
])

/** Commands of a script, and of a transcript those that it types. */
function scriptOf(language: string, text: string): readonly string[] {
  // A function of the shell calls what its caller says.
  if (language === 'sh') return commandsOf(text.replaceAll(/^\w+\(\) \{.*\}$/gm, ''))
  if (language !== '') return []
  return text.split('\n').flatMap((line) => (line.startsWith('$ ') ? [line.slice(2)] : []))
}

test('every command line of fairway exists, with its options', async () => {
  const calls = LINES.filter(({ text, inline }) => !inline || /^(kubectl )?fairway /.test(text)).flatMap((line) =>
    [...line.text.matchAll(CALL)].map(([, words = '']) => ({ ...line, words })),
  )
  const own = calls.filter(({ words }) => !UNSET.test(words))
  assert.ok(own.length > 60, `${own.length} calls were found`)
  const wrong = await Promise.all(
    own.map(async ({ at, words, inline }) => mistakeIn(at, splitCommand(words.replace(' WORD', ` ${A_WORD}`)), inline)),
  )
  assert.deepEqual(wrong.flat(), [])
})

async function mistakeIn(at: string, argv: readonly string[], inline: boolean): Promise<readonly string[]> {
  if (argv[0] === 'run') {
    const known = execFileSync(process.execPath, [join(ROOT, 'src/main.ts'), 'run', '--help'], { encoding: 'utf8' })
    return argv
      .filter((word) => word.startsWith('--') && !known.includes(`${word} `))
      .map((word) => `${at}: run ${word}`)
  }
  try {
    await createProgram().parseAsync(argv, { from: 'user' })
    return []
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    // In a sentence a command may stand without what belongs to it; alone, `fairway` and `fairway edge token` print their help.
    const part = /missing|Missing/.test(error.code) && inline
    if (part || /^commander\.(help|helpDisplayed)$/.test(error.code)) return []
    return [`${at}: fairway ${argv.join(' ')}: ${error.message}`]
  }
}

const never = () => new AbortController().signal

/** The program's own command line, doing nothing. */
function createProgram(): Command {
  const program = new Command('fairway')
  addEdgeCommand(program, never)
  addCommands(program, never)
  const silence = (command: Command) => {
    command.exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {} })
    if (command.commands.length === 0 || command.name() === 'edge') command.action(() => {})
    command.commands.forEach(silence)
  }
  silence(program)
  return program
}

test('every npm script, stage and file that a command names is there', () => {
  const wrong = LINES.flatMap(({ at, text, inline }) => {
    const [script] = /npm run (?:--silent )?([\w-]+)/.exec(text)?.slice(1) ?? []
    const [stages = ''] = /npm test -- ([\w -]+)/.exec(text)?.slice(1) ?? []
    const names = stages.split(' ').filter((name) => name !== '' && !STAGES.some((stage) => stage.name === name))
    // What kubectl names so is a Deployment.
    const paths =
      inline || text.startsWith('kubectl')
        ? []
        : splitCommand(text).filter((word) => /^(deploy|test|charts|scripts|src)\//.test(word))
    return [
      ...(script === undefined || Object.hasOwn(MANIFEST.scripts, script) ? [] : [`${at}: npm run ${script}`]),
      ...names.map((name) => `${at}: no stage ${name}`),
      ...paths.filter((path) => !existsSync(join(ROOT, path))).map((path) => `${at}: no ${path}`),
    ]
  })
  assert.deepEqual(wrong, [])
})
