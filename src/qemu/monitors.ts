/** The unix sockets of a QEMU's two monitors. */
export interface MonitorPaths {
  /** The monitor for operations: the holder of the domain's lock may use it. */
  readonly control: string
  /** A second monitor for queries while an operation uses the first. */
  readonly query: string
}

/** QEMU's arguments for both monitors. Each serves one client at a time and waits for the next when that one disconnects. */
export function monitorArguments(monitors: MonitorPaths): string[] {
  return [
    ...monitor('stasis-control', monitors.control),
    ...monitor('stasis-query', monitors.query),
  ]
}

function monitor(id: string, path: string): string[] {
  // A comma in a value is doubled (QEMU util/qemu-option.c `get_opt_value`).
  const socket = `socket,id=char-${id},path=${path.replaceAll(',', ',,')},server=on,wait=off`
  return ['-chardev', socket, '-mon', `chardev=char-${id},id=${id},mode=control`]
}
