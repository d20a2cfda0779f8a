import { RoomfulError } from './session.ts'

export const left = (): RoomfulError => new RoomfulError('left', 'this device has left the room')

export const noModel = (): RoomfulError =>
  new RoomfulError('no-model', 'No model is loaded: drop an ONNX file on the page, or reload it.')
