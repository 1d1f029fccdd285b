import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { describe, test } from 'node:test'
import { Command } from 'commander'
import { parseAllDocuments } from 'yaml'
import { addCommands } from '../../../src/cli/commands.ts'
import { neededPermissions } from '../../../src/cli/permissions.ts'

const ROOT = resolve(import.meta.dirname, '../../..')

function commands(): readonly Command[] {
  const program = new Command()
  addCommands(program, () => new AbortController().signal)
  return program.commands.flatMap((one) => (one.commands.length > 0 ? one.commands : [one]))
}

function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({ writeOut: (part) => void (text += part) })
  command.outputHelp()
  return text
}

describe('commands', () => {
  for (const command of commands()) {
    test(`the help of ${command.name()} has an example and the form of its answer`, () => {
      const help = helpOf(command)
      assert.match(help, /\nExamples?:\n {2}fairway /)
      // What `import` prints is a file.
      if (command.name() !== 'import') assert.match(help, /-o, --output <format>/)
    })
  }

  test('docs/cli.md says something of each', async () => {
    const text = await readFile(resolve(ROOT, 'docs/cli.md'), 'utf8')
    for (const command of commands()) assert.match(text, new RegExp(`fairway (?:explain )?${command.name()}`))
  })
})

interface Role {
  readonly kind?: string
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> }
  readonly rules?: readonly {
    readonly apiGroups: readonly string[]
    readonly resources: readonly string[]
    readonly verbs: readonly string[]
  }[]
}

test('the permissions that doctor looks for are those of the chart’s roles', async () => {
  const text = await readFile(resolve(ROOT, 'test/golden/chart/minimal.yaml.golden'), 'utf8')
  const roles = parseAllDocuments(text)
    .map((document) => document.toJS() as Role | null)
    .filter((one) => one?.kind === 'ClusterRole' || one?.kind === 'Role')
    // Those of hooks are not the operator's.
    .filter((one) => one?.metadata?.annotations?.['helm.sh/hook'] === undefined)
  const granted = roles.flatMap((role) =>
    (role?.rules ?? []).flatMap(({ apiGroups, resources, verbs }) =>
      verbs.flatMap((verb) => resources.map((resource) => `${verb} ${apiGroups[0]}/${resource}`)),
    ),
  )
  const needed = neededPermissions({ namespace: 'fairway', name: 'fairway' }).map(
    ({ verb, group, resource, subresource }) => {
      return `${verb} ${group}/${subresource === undefined ? resource : `${resource}/${subresource}`}`
    },
  )
  assert.deepEqual(needed.toSorted(), granted.toSorted())
})
