import { createHash } from 'node:crypto'
import { makeTable, type Served, type Table, type TargetGroup } from '../../model/table.ts'

/** Makes a table of what was read back. Groups of equal content become one, however many frontends share it, and are named by that content. */
export function tableOf(all: Iterable<Served>): Table {
  const groups = new Map<string, TargetGroup>()
  const frontends = Array.from(all, ({ frontend, targets }) => {
    const content = targets
      .map(({ address, port, draining }) => `${address} ${port ?? ''} ${draining ?? ''}`)
      .join('\n')
    const group = groups.get(content) ?? { id: contentId(content), targets }
    groups.set(content, group)
    return { ...frontend, group: group.id }
  })
  return makeTable(frontends, groups.values())
}

function contentId(content: string): string {
  return `content-${createHash('sha256').update(content).digest('hex').slice(0, 16)}`
}
