import { readdir } from 'node:fs/promises'
import type { Domain } from '../domain-xml/model/domain.ts'

/** The NUMA nodes of this host; `undefined` when Linux does not say. */
export async function hostNumaNodes(): Promise<ReadonlySet<number> | undefined> {
  const names = await readdir('/sys/devices/system/node').catch(() => [])
  const nodes = names.flatMap((name) => /^node(\d+)$/.exec(name)?.[1] ?? []).map(Number)
  return nodes.length === 0 ? undefined : new Set(nodes)
}

/** The nodes to which the domain binds memory and that the host does not have, in order. */
export function missingNodes(
  { numaTune, memoryDevices }: Domain,
  nodes: ReadonlySet<number> | undefined,
): readonly number[] {
  if (nodes === undefined) return []
  const wanted = [
    ...(numaTune.all?.nodes ?? []),
    ...[...numaTune.cells.values()].flatMap((binding) => binding.nodes),
    ...memoryDevices.flatMap(({ hostNodes }) => hostNodes ?? []),
  ]
  return [...new Set(wanted)].filter((node) => !nodes.has(node)).toSorted((a, b) => a - b)
}
