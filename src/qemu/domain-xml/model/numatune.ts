import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, whole } from '../access.ts'
import { parseNumberSet } from '../values.ts'

/** Where on the host memory comes from. */
export interface NodeBinding {
  readonly nodes: readonly number[]
  /** QEMU's policy for the nodes; libvirt's `restrictive` leaves them to control groups, and is not passed on. */
  readonly policy: 'bind' | 'preferred' | 'interleave'
}

/** `<numatune>`: the binding of all memory, and those of single cells. */
export interface NumaTune {
  readonly all: NodeBinding | undefined
  readonly cells: ReadonlyMap<number, NodeBinding>
  readonly policy: NodeBinding['policy']
}

const POLICIES: Readonly<Record<string, NodeBinding['policy']>> = {
  strict: 'bind',
  preferred: 'preferred',
  interleave: 'interleave',
}

/** Reads `<numatune>`. With `placement='auto'` libvirt asks another program for nodes; without one the memory is not bound. */
export function readNumaTune(element: Element | undefined): NumaTune {
  const memory = child(element, 'memory')
  const cells = new Map<number, NodeBinding>()
  for (const node of element === undefined ? [] : children(element, 'memnode')) {
    const binding = readBinding(node)
    if (binding !== undefined) cells.set(whole(node, 'cellid') ?? 0, binding)
  }
  return {
    all: memory === undefined ? undefined : readBinding(memory),
    cells,
    policy: POLICIES[attribute(memory, 'mode') ?? 'strict'] ?? 'bind',
  }
}

function readBinding(element: Element): NodeBinding | undefined {
  const policy = POLICIES[attribute(element, 'mode') ?? 'strict']
  const nodes = parseNumberSet(attribute(element, 'nodeset') ?? '')
  return policy === undefined || nodes === undefined ? undefined : { policy, nodes }
}
