import { device, keyValues, object, onOff } from '../arguments.ts'
import { addressOf, type Wiring } from '../buses/wiring.ts'

/** Memory that the guest shares with programs of the host. QEMU itself says which of it moves with the guest. */
export function sharedMemoryArguments(wiring: Wiring): readonly string[] {
  return wiring.domain.sharedMemories.flatMap((shared, index) => {
    addressOf(shared, 'pci')
    const id = wiring.idOf(shared, `shmem${index}`)
    const { path, role, sizeBytes, server, vectors, ioeventfd } = shared
    if (server !== undefined) {
      return [
        ...['-chardev', `socket,${keyValues({ id: `char${id}`, path: server.path })}`],
        ...device({
          driver: 'ivshmem-doorbell',
          id,
          chardev: `char${id}`,
          vectors,
          ioeventfd,
          ...wiring.address(shared),
        }),
      ]
    }
    const memdev = `shmmem-${id}`
    return [
      ...object({
        'qom-type': 'memory-backend-file',
        id: memdev,
        'mem-path': path,
        size: sizeBytes,
        share: true,
      }),
      ...device({
        driver: 'ivshmem-plain',
        id,
        memdev,
        master: role === undefined ? undefined : onOff(role === 'master'),
        ...wiring.address(shared),
      }),
    ]
  })
}
