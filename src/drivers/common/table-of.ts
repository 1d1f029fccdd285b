import { createHash } from 'node:crypto'
import { createMapper } from '../../model/remember.ts'
import { type Frontend, makeTable, type Served, type Table, type TargetGroup } from '../../model/table.ts'

/** Makes a table of what was read back. */
export type TableMaker = (all: readonly Served[]) => Table

/** A frontend, and the group that it shares with all whose targets are the same. */
interface Placed {
  readonly frontend: Frontend
  readonly group: ContentGroup
}

interface ContentGroup extends TargetGroup {
  readonly content: string
}

/** Makes a table of what was read back. Groups of equal content become one, however many frontends share it, and are named by that content. */
export function tableOf(all: Iterable<Served>): Table {
  return createTableMaker()([...all])
}

/** Makes tables of what is read back again and again. A frontend of what is the same object as the last time is the same, too. */
export function createTableMaker(): TableMaker {
  let groups = new Map<string, ContentGroup>()
  const placeAll = createMapper(({ frontend, targets }: Served): Placed => {
    const content = contentOf(targets)
    const group = groups.get(content) ?? { id: contentId(content), targets, content }
    groups.set(content, group)
    return { frontend: { ...frontend, group: group.id }, group }
  })
  return (all) => {
    const placed = placeAll(all)
    groups = new Map(placed.map(({ group }) => [group.content, group]))
    return makeTable(
      placed.map(({ frontend }) => frontend),
      Array.from(groups.values(), ({ id, targets }) => ({ id, targets })),
    )
  }
}

function contentOf(targets: Served['targets']): string {
  return targets.map(({ address, port, draining }) => `${address} ${port ?? ''} ${draining ?? ''}`).join('\n')
}

function contentId(content: string): string {
  return `content-${createHash('sha256').update(content).digest('hex').slice(0, 16)}`
}
