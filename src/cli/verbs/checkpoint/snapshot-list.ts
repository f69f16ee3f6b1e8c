import { listCheckpoints } from '../../../domain/checkpoint/list-checkpoints.ts'
import { snapshotState, treeText } from '../../reports/checkpoints.ts'
import { formatTable } from '../../terminal/table.ts'
import type { Verb } from '../../verb.ts'

interface Flags {
  readonly tree?: boolean
  readonly parent?: boolean
  readonly name?: boolean
}

/** `snapshot-list DOMAIN` */
export const verb: Verb<Flags> = {
  declare: (command) =>
    command
      .argument('<domain>', 'name, UUID or id')
      .option('--tree', 'draw the tree of their names')
      .option('--parent', 'also show the parent of each')
      .option('--name', 'only their names'),
  looks: true,
  example: 'stasis snapshot-list web --tree',
  run: async ([domain = ''], flags, { directories, signal, quiet }) => {
    const list = await listCheckpoints(domain, { ...directories, signal })
    const json = { type: 'result', ...list }
    // virsh sorts them by name.
    const sorted = list.checkpoints.toSorted((one, other) => (one.name < other.name ? -1 : 1))
    if (flags.tree === true) return { text: treeText(sorted), json }
    if (flags.name === true) return { text: sorted.map(({ name }) => name).join('\n'), json }
    const more = (cell: string): readonly string[] => (flags.parent === true ? [cell] : [])
    const rows = sorted.map((one) => [
      one.name,
      localTime(one.createdAt),
      snapshotState(one),
      ...more(one.parent ?? ''),
    ])
    const heading = ['Name', 'Creation Time', 'State', ...more('Parent')]
    return { text: formatTable(heading, rows, { quiet }), json }
  },
}

/** As virsh prints a time: `2026-11-29 15:20:00 +0000`. */
function localTime(time: string): string {
  const date = new Date(time)
  const offset = -date.getTimezoneOffset()
  const two = (number: number): string => String(Math.abs(number)).padStart(2, '0')
  const local = new Date(date.getTime() + offset * 60_000).toISOString()
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.trunc(offset / 60))}${two(offset % 60)}`
  return `${local.slice(0, 10)} ${local.slice(11, 19)} ${zone}`
}
