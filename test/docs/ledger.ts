/** What this process has run of the documents: commands come from here, word for word, and who takes them answers for it in account.ts. */
import assert from 'node:assert/strict'
import { relative } from 'node:path'
import { blocksAt, RUNS } from './account.ts'
import { type Block, ROOT } from './markdown.ts'

const taken = new Set<string>()

/**
 * Gives the text of one block for its being run. `put` has what a reader puts in place of an example: ids that a program has told him, and the
 * like.
 */
export function take(place: string, put: Readonly<Record<string, string>> = {}): string {
  const [block, second] = blocksAt(place)
  if (block === undefined || second !== undefined) throw new Error(`"${place}" names several blocks`)
  let { text } = takeBlock(block)
  for (const [example, own] of Object.entries(put)) {
    assert.ok(text.includes(example), `${block.at} has no "${example}"`)
    text = text.replaceAll(example, own)
  }
  return text
}

/** All blocks of a file or of a section, in their order. */
export function takeAll(place: string): readonly Block[] {
  return blocksAt(place).map(takeBlock)
}

export function takeBlock(block: Block): Block {
  taken.add(block.at)
  return block
}

/** Sees that a file of tests has run what account.ts says, and nothing else. To be called when all of its tests have. */
export function settle(file: string): void {
  const due = (RUNS[relative(ROOT, file)] ?? []).flatMap(blocksAt)
  assert.deepEqual([...taken].toSorted(), [...new Set(due.map(({ at }) => at))].toSorted())
}
