/** Runs the documents: their blocks of sh are commands, and blocks of yaml whose first line is `# NAME` are files of that name. All others are for people. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './machine.ts'

export interface Block {
  readonly language: 'sh' | 'yaml'
  readonly text: string
}

export function readBlocks(document: string): readonly Block[] {
  const text = readFileSync(join(ROOT, 'docs/moving', document), 'utf8')
  return [...text.matchAll(/^( *)```(sh|yaml)\n([\s\S]*?)^ *```$/gm)].map(([, indent = '', language, body = '']) => {
    const lines = body.split('\n').map((line) => line.slice(indent.length))
    return { language: language === 'sh' ? 'sh' : 'yaml', text: lines.join('\n') }
  })
}

/** Runs a whole document in the folder of this process. `between` is called before each block, with what the block is. */
export async function runDocument(document: string, between: (block: Block) => Promise<void> = async () => {}) {
  const blocks = readBlocks(document)
  if (blocks.length === 0) throw new Error(`${document} has no commands`)
  for (const block of blocks) {
    await between(block)
    if (block.language === 'sh') await runShell(block.text)
    else {
      const [, name] = /^# (\S+)$/m.exec(block.text.split('\n')[0] ?? '') ?? []
      if (name !== undefined) writeFileSync(name, block.text)
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
