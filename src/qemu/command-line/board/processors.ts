import { DomainXmlError } from '../../../errors.ts'
import type { Domain } from '../../domain-xml/model/domain.ts'

/**
 * `-smp`. An image loads only with the same number of processors; those that were plugged in come later, by `plugProcessors`.
 *
 * @throws DomainXmlError `XML_INVALID` when the topology does not multiply to the number of processors
 */
export function processorArguments(domain: Domain): readonly string[] {
  const { current, max, plugged } = domain.vcpus
  const first = current - plugged.length
  const { topology } = domain.cpu ?? {}
  const dies = topology?.dies ?? 1
  const clusters = topology?.clusters ?? 1
  if (topology !== undefined) {
    const product = topology.sockets * dies * clusters * topology.cores * topology.threads
    if (product !== max) {
      throw new DomainXmlError(
        'XML_INVALID',
        `/domain/cpu/topology: it describes ${product} processors, but <vcpu> has ${max}`,
      )
    }
  }
  const parts = [
    `${first}`,
    ...(first === max ? [] : [`maxcpus=${max}`]),
    `sockets=${topology?.sockets ?? max}`,
    ...(topology?.dies === undefined ? [] : [`dies=${dies}`]),
    ...(clusters === 1 ? [] : [`clusters=${clusters}`]),
    `cores=${topology?.cores ?? 1}`,
    `threads=${topology?.threads ?? 1}`,
  ]
  return ['-smp', parts.join(',')]
}
