/** Runs the documents: their blocks of sh are commands, and blocks of yaml are files of the name that their first line says, `# NAME`. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { takeAll } from '../docs/ledger.ts'
import type { Block } from '../docs/markdown.ts'

/** Runs a whole document in the folder of this process. `between` is called before each block, with what the block is. */
export async function runDocument(document: string, between: (block: Block) => Promise<void> = async () => {}) {
  for (const block of takeAll(`docs/moving/${document}`)) {
    await between(block)
    if (block.language === 'sh') await runShell(block.text)
    else {
      const [, name] = /^# (\S+)\n/.exec(block.text) ?? []
      if (block.language !== 'yaml' || name === undefined) throw new Error(`${block.at}: nobody knows what it is`)
      writeFileSync(name, block.text)
    }
  }
}

/** As typed one after the other, but that the first command that fails is the end. What they print is shown. */
export async function runShell(script: string): Promise<void> {
  console.error(script.replaceAll(/^(?=.)/gm, '    $ '))
  const child = spawn('bash', ['-euo', 'pipefail', '-c', script], { stdio: ['ignore', 2, 2] })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`ended with ${code}:\n${script}`)
}
