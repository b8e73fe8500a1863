// ConfigCenter
