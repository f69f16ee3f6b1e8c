import { formatDomainXml } from '../../qemu/domain-xml/format.ts'
import { create } from '../../qemu/domain-xml/normalise/edit.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { isElement } from '../../qemu/domain-xml/location.ts'
import type { CheckpointRecord } from '../store/checkpoints/checkpoint-record.ts'
import type { DiskOverlay } from '../store/checkpoints/disk-overlay.ts'

/** A checkpoint as libvirt's `<domainsnapshot>` (formatsnapshot, 9.0); `overlays` are the files that the guest wrote to after it. */
export function snapshotXml(
  record: CheckpointRecord & { readonly overlays?: readonly DiskOverlay[] },
): string {
  const document = parseDomainXml(record.xml)
  const { root } = document
  const { name, description, state, parent, createdAt, memory, disks, skipped } = record
  const seconds = String(Math.floor(Date.parse(createdAt) / 1000))
  const isDiskOnly = memory === undefined && state !== 'shutoff'
  const copy = [root.cloneNode(true)].filter(isElement)
  const snapshot = create(root, 'domainsnapshot', {}, [
    create(root, 'name', {}, name),
    ...(description === undefined ? [] : [create(root, 'description', {}, description)]),
    create(root, 'state', {}, isDiskOnly ? 'disk-snapshot' : state),
    ...(parent === undefined
      ? []
      : [create(root, 'parent', {}, [create(root, 'name', {}, parent)])]),
    create(root, 'creationTime', {}, seconds),
    memory === undefined
      ? create(root, 'memory', { snapshot: 'no' })
      : create(root, 'memory', { snapshot: 'external', file: memory.path }),
    create(root, 'disks', {}, [
      ...disks.map(({ target }) => {
        const overlay = record.overlays?.find((one) => one.target === target)
        return create(root, 'disk', { name: target, snapshot: 'external', type: 'file' }, [
          create(root, 'driver', { type: 'qcow2' }),
          ...(overlay === undefined ? [] : [create(root, 'source', { file: overlay.path })]),
        ])
      }),
      ...skipped.map(({ target }) => create(root, 'disk', { name: target, snapshot: 'no' })),
    ]),
    ...copy,
  ])
  return formatDomainXml({ ...document, root: snapshot })
}
