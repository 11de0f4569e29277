"""What each platform is handed."""
