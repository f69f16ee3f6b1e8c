import type { Element } from '@xmldom/xmldom'
import { attribute, child, children, whole } from '../../access.ts'
import { invalid } from '../../location.ts'
import { parseNumberSet } from '../../values.ts'

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
  if (element !== undefined) checkTogether(element, memory)
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

/** Refuses parts that contradict each other, as libvirt does. */
function checkTogether(element: Element, memory: Element | undefined): void {
  const nodes = children(element, 'memnode')
  const placement = attribute(memory, 'placement')
  if (memory !== undefined && placement === 'static' && !memory.hasAttribute('nodeset'))
    throw invalid(memory, 'the placement "static" needs a nodeset')
  if (memory !== undefined && placement === 'auto' && nodes.length > 0)
    throw invalid(memory, 'with the placement "auto" no cell has a binding of its own')
  const restrictive = (one: Element): boolean => attribute(one, 'mode') === 'restrictive'
  const other = nodes.find(
    (one) => memory !== undefined && restrictive(one) !== restrictive(memory),
  )
  if (other !== undefined)
    throw invalid(other, '<memory> and each <memnode> have the mode "restrictive", or none has')
}

function readBinding(element: Element): NodeBinding | undefined {
  const policy = POLICIES[attribute(element, 'mode') ?? 'strict']
  const nodes = parseNumberSet(attribute(element, 'nodeset') ?? '')
  return policy === undefined || nodes === undefined ? undefined : { policy, nodes }
}
