print("ai-gateway")
