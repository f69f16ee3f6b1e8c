import type { Display } from '../../domain/status/displays.ts'

/** VNC counts its displays from this port. */
const FIRST_VNC_PORT = 5900

/** `127.0.0.1:0` as `virsh vncdisplay` shows it; `undefined` for a display that has no port. */
export function vncDisplayText({ address, port }: Display): string | undefined {
  if (port === undefined) return undefined
  const host = address === '0.0.0.0' ? '' : bracketed(address)
  return `${host}:${port - FIRST_VNC_PORT}`
}

/** `vnc://localhost:0` or `spice://127.0.0.1:5900?tls-port=5901`, as `virsh domdisplay` shows it. */
export function displayUri({ type, socket, address, port, tlsPort }: Display): string {
  if (socket !== undefined) return `${type}+unix://${socket}`
  const host = address === '0.0.0.0' || address === '::' ? 'localhost' : bracketed(address)
  const number = port === undefined || type !== 'vnc' ? port : port - FIRST_VNC_PORT
  const tls = tlsPort === undefined ? '' : `?tls-port=${tlsPort}`
  return `${type}://${host}${number === undefined ? '' : `:${number}`}${tls}`
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}
