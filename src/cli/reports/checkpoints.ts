import type { CheckpointResult } from '../../domain/checkpoint/create-checkpoint.ts'
import type { CheckpointList, ListedCheckpoint } from '../../domain/checkpoint/list-checkpoints.ts'
import { formatBytes, formatDuration } from '../terminal/quantity.ts'
import { formatFacts, formatTable } from '../terminal/table.ts'
import type { Output } from '../terminal/output.ts'
import type { Answer } from '../verb.ts'

/** The report of a checkpoint that was made. */
export function checkpointReport(
  result: CheckpointResult,
  options: { readonly text: string; readonly verbose: boolean; readonly output: Output },
): Answer {
  const json = { type: 'result', ...result }
  const { memory, pauseMs, way, totalMs } = result
  for (const { target, reason } of result.skipped)
    if (reason === 'as requested')
      options.output.warn(`the disk ${target} is not part of the checkpoint, ${reason}`)
  const paused =
    result.state === 'running' ? `the guest was stopped for ${formatDuration(pauseMs)}` : ''
  const differs = result.base === undefined ? '' : ` that differ from '${result.base}'`
  const size = memory === undefined ? '' : `${formatBytes(memory.bytes)} of memory${differs}`
  const summary = [size, paused].filter((part) => part !== '').join(', ')
  if (!options.verbose) return { text: [options.text, summary].filter(Boolean).join('\n'), json }
  const facts = formatFacts([
    ['State', result.state],
    ['Memory', memory === undefined ? 'none' : `${formatBytes(memory.bytes)}, ${memory.path}`],
    ['Based on', result.base ?? '-'],
    ['Way', way ?? '-'],
    ['Pause', formatDuration(pauseMs)],
    ['Total time', formatDuration(totalMs)],
    ...result.disks.map(({ target, path }) => [`Disk ${target}`, path] as const),
    ...result.skipped.map(
      ({ target, reason }) => [`Disk ${target}`, `not part of it: ${reason}`] as const,
    ),
  ])
  return { text: `${options.text}\n${facts}`, json }
}

/** The checkpoints of a domain as a table whose names are indented by their place in the tree. */
export function checkpointsReport(list: CheckpointList, quiet: boolean): Answer {
  const rows = inTree(list.checkpoints).map(({ depth, one }) => [
    `${'  '.repeat(depth)}${one.name}${one.current ? ' *' : ''}`,
    one.createdAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC'),
    one.state,
    one.memory === undefined ? '-' : formatBytes(one.memoryBytes),
    one.base ?? '-',
    formatBytes(one.diskBytes),
    one.way ?? '-',
    one.pauseMs === undefined ? '-' : formatDuration(one.pauseMs),
  ])
  const heading = ['Name', 'Time', 'State', 'Memory', 'Based on', 'Disks', 'Way', 'Pause']
  return { text: formatTable(heading, rows, { quiet }), json: { type: 'result', ...list } }
}

/** Each checkpoint behind its parent, with its depth. A checkpoint whose parent is gone has none. */
function inTree(
  all: readonly ListedCheckpoint[],
): readonly { readonly depth: number; readonly one: ListedCheckpoint }[] {
  const names = new Set(all.map(({ name }) => name))
  const below = (
    parent: string | undefined,
    depth: number,
  ): readonly { readonly depth: number; readonly one: ListedCheckpoint }[] =>
    all
      .filter((one) =>
        parent === undefined
          ? one.parent === undefined || !names.has(one.parent)
          : one.parent === parent,
      )
      .flatMap((one) => [{ depth, one }, ...below(one.name, depth + 1)])
  return below(undefined, 0)
}

/** The tree as virsh draws it for `snapshot-list --tree` (libvirt 11.3, but without spaces at the end). */
export function treeText(all: readonly ListedCheckpoint[]): string {
  const children = (parent: string | undefined): readonly ListedCheckpoint[] =>
    inTree(all).flatMap(({ one, depth }) =>
      (parent === undefined ? depth === 0 : one.parent === parent) ? [one] : [],
    )
  const draw = (
    { name }: ListedCheckpoint,
    indent: string,
    place: 'root' | 'last' | 'inner',
  ): readonly string[] => {
    const inner = `${indent}${{ root: '', last: '  ', inner: '| ' }[place]}`
    const below = children(name)
    const end = below.length === 0 && place !== 'inner' ? [inner] : []
    return [
      `${indent}${place === 'root' ? '' : '+- '}${name}`,
      ...(below.length === 0 ? end : [`${inner}  |`]),
      ...below.flatMap((child, index) =>
        draw(child, `${inner}  `, index < below.length - 1 ? 'inner' : 'last'),
      ),
    ]
  }
  return children(undefined)
    .flatMap((root) => draw(root, '', 'root'))
    .map((line) => line.trimEnd())
    .join('\n')
    .trimEnd()
}

/** The state of a checkpoint in virsh's words. */
export function snapshotState({ state, memory, way }: ListedCheckpoint): string {
  return memory === undefined && way !== undefined ? 'disk-snapshot' : state
}
