import Commands

await AIGateway.start()
