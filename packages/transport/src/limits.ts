/** The largest message between peers, body and blobs together: room for 4 MiB of weights and large fp32 feature maps. */
export const MAX_MESSAGE_BYTES = 32 << 20
